-- What a central keeps. All times are Unix milliseconds, all hashes SHA-256, and
-- no column is about a person.
CREATE TABLE desk (
	id            TEXT PRIMARY KEY,
	registered_at INTEGER NOT NULL,
	revoked_at    INTEGER
);

CREATE TABLE certificate (
	sha256        BLOB PRIMARY KEY CHECK (length(sha256) = 32), -- of the DER
	desk_id       TEXT NOT NULL REFERENCES desk (id),
	not_after     INTEGER NOT NULL,
	registered_at INTEGER NOT NULL,
	revoked_at    INTEGER
);
CREATE INDEX certificate_desk ON certificate (desk_id);

CREATE TABLE signing_key (
	desk_id       TEXT NOT NULL REFERENCES desk (id),
	kid           BLOB NOT NULL CHECK (length(kid) = 32),
	officer       TEXT NOT NULL, -- '' for the desk's device key
	spki          BLOB NOT NULL,
	origin        TEXT NOT NULL,
	registered_at INTEGER NOT NULL,
	revoked_at    INTEGER,
	PRIMARY KEY (desk_id, kid)
);

CREATE TABLE request (
	id          TEXT PRIMARY KEY,
	desk_id     TEXT NOT NULL REFERENCES desk (id),
	seq         INTEGER NOT NULL,
	body_hash   BLOB NOT NULL CHECK (length(body_hash) = 32),
	previous    BLOB NOT NULL CHECK (length(previous) = 32),
	payload     TEXT NOT NULL UNIQUE, -- name in the payload store
	received_at INTEGER NOT NULL,
	receipt     BLOB NOT NULL, -- signed; the same for every repetition
	state       TEXT NOT NULL CHECK (state IN ('received', 'accepted', 'needs_correction', 'granted', 'rejected', 'activated', 'activation_expired')),
	moved_at    INTEGER NOT NULL,
	due_at      INTEGER, -- when the central goes on with it
	attempts    INTEGER NOT NULL DEFAULT 0,
	UNIQUE (desk_id, seq)
);
CREATE INDEX request_due ON request (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE result (
	n          INTEGER PRIMARY KEY,
	request_id TEXT NOT NULL REFERENCES request (id),
	state      TEXT NOT NULL,
	reason     TEXT NOT NULL,
	at         INTEGER NOT NULL,
	signed     BLOB NOT NULL,
	UNIQUE (request_id, state)
);

-- What a desk announced and has not sent yet.
CREATE TABLE announcement (
	id        TEXT PRIMARY KEY,
	desk_id   TEXT NOT NULL REFERENCES desk (id),
	body_hash BLOB NOT NULL CHECK (length(body_hash) = 32),
	size      INTEGER NOT NULL,
	deadline  TEXT NOT NULL,
	at        INTEGER NOT NULL
);

-- The newest consistent head of each desk's audit log.
CREATE TABLE log_head (
	desk_id TEXT PRIMARY KEY REFERENCES desk (id),
	size    INTEGER NOT NULL,
	root    BLOB NOT NULL CHECK (length(root) = 32)
);

CREATE TABLE alarm (
	n       INTEGER PRIMARY KEY,
	desk_id TEXT NOT NULL,
	code    TEXT NOT NULL,
	detail  TEXT NOT NULL,
	at      INTEGER NOT NULL,
	UNIQUE (desk_id, code, detail)
);
