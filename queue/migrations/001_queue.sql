-- One row a request. No column may hold anything about a person.
CREATE TABLE request (
	seq          INTEGER PRIMARY KEY CHECK (seq > 0),
	id           TEXT    NOT NULL UNIQUE,
	state        TEXT    NOT NULL CHECK (state IN ('sealed', 'received', 'granted', 'rejected', 'refused')),
	body_hash    BLOB    NOT NULL CHECK (length(body_hash) = 32),
	sealed_bytes INTEGER NOT NULL,
	payload      TEXT    NOT NULL, -- file name; '' once purged
	queued_at    INTEGER NOT NULL, -- Unix milliseconds, as all times here
	due_at       TEXT    NOT NULL, -- legal deadline, YYYY-MM-DD
	next_at      INTEGER NOT NULL DEFAULT 0,
	attempts     INTEGER NOT NULL DEFAULT 0,
	last_error   TEXT    NOT NULL DEFAULT '',
	reason       TEXT    NOT NULL DEFAULT '',
	receipt      BLOB, -- the central's signed statements, as received
	result       BLOB,
	sync_ms      INTEGER NOT NULL DEFAULT 0
);

CREATE INDEX request_waiting ON request (state, due_at, seq) WHERE state IN ('sealed', 'received');

-- The open visit's steps, encrypted under a key that is not on the disk.
CREATE TABLE visit_journal (
	visit_id TEXT    NOT NULL,
	number   INTEGER NOT NULL,
	sealed   BLOB    NOT NULL,
	PRIMARY KEY (visit_id, number)
);
