-- Sealed bytes and nothing else: no states, no deadlines, no hashes and no log.
CREATE TABLE sealed (seq INTEGER PRIMARY KEY, data BLOB) STRICT;
