-- Small payloads are rows: the one fsync of the log that keeps the request's own
-- row keeps them, too, where a file wants two more, its own and its folder's.
CREATE TABLE payload (
	seq  INTEGER PRIMARY KEY CHECK (seq > 0), -- of the request, whose column payload says 'row'
	data BLOB NOT NULL -- sealed bytes; body_hash of the request is their SHA-256
) STRICT;
CREATE TRIGGER payload_fixed BEFORE UPDATE ON payload BEGIN SELECT raise(ABORT, 'a payload cannot be changed'); END;

-- It goes with the receipt, in the same transaction, and never before.
CREATE TRIGGER payload_kept BEFORE DELETE ON payload
WHEN EXISTS (SELECT 1 FROM request WHERE seq = old.seq AND payload <> '')
BEGIN SELECT raise(ABORT, 'a waiting payload cannot be deleted'); END;
CREATE TRIGGER payload_purged AFTER UPDATE ON request WHEN old.payload = 'row' AND new.payload = ''
BEGIN DELETE FROM payload WHERE seq = old.seq; END;
