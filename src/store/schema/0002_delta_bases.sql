-- The sentence the next delta of a tracker builds on: that of its last stored frame, written in the same transaction.
CREATE TABLE delta_base (
    device TEXT PRIMARY KEY, -- maker/ID
    base   BLOB NOT NULL     -- as received, its end included
) STRICT, WITHOUT ROWID;
