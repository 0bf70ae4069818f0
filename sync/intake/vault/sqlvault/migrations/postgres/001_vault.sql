-- What a central keeps. All times are Unix milliseconds, all hashes SHA-256, and
-- no column is about a person.
CREATE TABLE desk (
	id            TEXT PRIMARY KEY,
	registered_at BIGINT NOT NULL,
	revoked_at    BIGINT
);

CREATE TABLE certificate (
	sha256        BYTEA PRIMARY KEY CHECK (length(sha256) = 32), -- of the DER
	desk_id       TEXT NOT NULL REFERENCES desk (id),
	not_after     BIGINT NOT NULL,
	registered_at BIGINT NOT NULL,
	revoked_at    BIGINT
);
CREATE INDEX certificate_desk ON certificate (desk_id);

CREATE TABLE signing_key (
	desk_id       TEXT NOT NULL REFERENCES desk (id),
	kid           BYTEA NOT NULL CHECK (length(kid) = 32),
	officer       TEXT NOT NULL, -- '' for the desk's device key
	spki          BYTEA NOT NULL,
	origin        TEXT NOT NULL,
	registered_at BIGINT NOT NULL,
	revoked_at    BIGINT,
	PRIMARY KEY (desk_id, kid)
);

CREATE TABLE request (
	id          TEXT PRIMARY KEY,
	desk_id     TEXT NOT NULL REFERENCES desk (id),
	seq         BIGINT NOT NULL,
	body_hash   BYTEA NOT NULL CHECK (length(body_hash) = 32),
	previous    BYTEA NOT NULL CHECK (length(previous) = 32),
	payload     TEXT NOT NULL UNIQUE, -- name in the payload store
	received_at BIGINT NOT NULL,
	receipt     BYTEA NOT NULL, -- signed; the same for every repetition
	state       TEXT NOT NULL CHECK (state IN ('received', 'accepted', 'needs_correction', 'granted', 'rejected', 'activated', 'activation_expired')),
	moved_at    BIGINT NOT NULL,
	due_at      BIGINT, -- when the central goes on with it
	attempts    BIGINT NOT NULL DEFAULT 0,
	UNIQUE (desk_id, seq)
);
CREATE INDEX request_due ON request (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE result (
	n          BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	request_id TEXT NOT NULL REFERENCES request (id),
	state      TEXT NOT NULL,
	reason     TEXT NOT NULL,
	at         BIGINT NOT NULL,
	signed     BYTEA NOT NULL,
	UNIQUE (request_id, state)
);

-- What a desk announced and has not sent yet.
CREATE TABLE announcement (
	id        TEXT PRIMARY KEY,
	desk_id   TEXT NOT NULL REFERENCES desk (id),
	body_hash BYTEA NOT NULL CHECK (length(body_hash) = 32),
	size      BIGINT NOT NULL,
	deadline  TEXT NOT NULL,
	at        BIGINT NOT NULL
);

-- The newest consistent head of each desk's audit log.
CREATE TABLE log_head (
	desk_id TEXT PRIMARY KEY REFERENCES desk (id),
	size    BIGINT NOT NULL,
	root    BYTEA NOT NULL CHECK (length(root) = 32)
);

CREATE TABLE alarm (
	n       BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
	desk_id TEXT NOT NULL,
	code    TEXT NOT NULL,
	detail  TEXT NOT NULL,
	at      BIGINT NOT NULL,
	UNIQUE (desk_id, code, detail)
);

-- Resumable uploads under way (package upload): any process may take the next
-- part.
CREATE TABLE upload (
	desk_id    TEXT NOT NULL,
	request_id TEXT NOT NULL,
	size       BIGINT NOT NULL,
	body_hash  BYTEA NOT NULL CHECK (length(body_hash) = 32),
	received   BIGINT NOT NULL DEFAULT 0,
	at         BIGINT NOT NULL,
	PRIMARY KEY (desk_id, request_id)
);

CREATE TABLE upload_part (
	desk_id    TEXT NOT NULL,
	request_id TEXT NOT NULL,
	at         BIGINT NOT NULL,
	bytes      BYTEA NOT NULL,
	PRIMARY KEY (desk_id, request_id, at),
	FOREIGN KEY (desk_id, request_id) REFERENCES upload ON DELETE CASCADE
);
