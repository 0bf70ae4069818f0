CREATE TABLE desk (
	id            TEXT    PRIMARY KEY,
	certificate   BLOB    NOT NULL UNIQUE CHECK (length(certificate) = 32), -- SHA-256 of the DER
	device_key    BLOB    NOT NULL, -- SubjectPublicKeyInfo
	registered_at INTEGER NOT NULL, -- Unix milliseconds, as all times here
	revoked_at    INTEGER
);

-- One row a request, and no column about a person.
CREATE TABLE request (
	id          TEXT    PRIMARY KEY,
	desk_id     TEXT    NOT NULL REFERENCES desk (id),
	seq         INTEGER NOT NULL,
	body_hash   BLOB    NOT NULL CHECK (length(body_hash) = 32),
	previous    BLOB    NOT NULL CHECK (length(previous) = 32),
	payload     TEXT    NOT NULL, -- file name
	received_at INTEGER NOT NULL,
	receipt     BLOB    NOT NULL, -- signed; the same for every repetition
	state       TEXT    NOT NULL DEFAULT 'received' CHECK (state IN ('received', 'granted', 'rejected')),
	decided_at  INTEGER,
	result      BLOB,
	UNIQUE (desk_id, seq)
);

CREATE INDEX request_undecided ON request (received_at) WHERE state = 'received';
