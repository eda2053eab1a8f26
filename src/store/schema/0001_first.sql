-- First version of the database. Steps already released are never edited: a change is a new file.

PRAGMA application_id = 0x4C4B5944; -- "LKYD": a database of another program is refused

-- The record all state is a fold of. Append only; no index but the key, because indexes, not syncs, limit how fast
-- frames can be stored before they are answered.
CREATE TABLE journal (
    seq    INTEGER PRIMARY KEY, -- 1, 2, 3 ... in the order committed
    at     INTEGER NOT NULL,    -- our clock, milliseconds since 1970 UTC
    kind   TEXT NOT NULL,       -- frame, registry, alarm, command, node
    device TEXT,                -- maker/ID of the sender of a frame
    body   TEXT NOT NULL,       -- JSON of domain::journal::Body, secrets masked
    raw    BLOB                 -- the frame as received, secrets masked
) STRICT;

-- A fold's whole state as of one entry, so that it can start there once older frames were removed.
CREATE TABLE checkpoint (
    seq    INTEGER PRIMARY KEY, -- every entry up to and with this one is in the body
    at     INTEGER NOT NULL,
    format INTEGER NOT NULL,    -- version of the body, the writer's own count
    body   BLOB NOT NULL
) STRICT;

-- Who did or tried what. Append only, never removed.
CREATE TABLE audit (
    id     INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,
    who    TEXT NOT NULL,
    uid    INTEGER,             -- operating-system user as told by the socket
    act    TEXT NOT NULL,
    object TEXT NOT NULL,
    result TEXT NOT NULL,
    note   TEXT NOT NULL,
    seq    INTEGER              -- the journal entry it belongs to, committed together with it; none for a refusal
) STRICT;

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value ANY
) STRICT, WITHOUT ROWID;
