-- What a study keeps: see store.py. Times are seconds since 1970.

CREATE TABLE study (id TEXT NOT NULL, version INTEGER NOT NULL);
CREATE TABLE workers (
    number INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    code TEXT NOT NULL,
    personal INTEGER NOT NULL,
    name TEXT UNIQUE,
    joined REAL NOT NULL
);
CREATE TABLE leases (
    worker INTEGER NOT NULL REFERENCES workers,
    question INTEGER NOT NULL,
    until REAL NOT NULL,
    UNIQUE (worker, question)
);
CREATE TABLE votes (
    number INTEGER PRIMARY KEY,
    worker INTEGER NOT NULL REFERENCES workers,
    question INTEGER NOT NULL,
    position INTEGER NOT NULL,
    ours TEXT NOT NULL,
    side TEXT NOT NULL,
    milliseconds INTEGER,
    time REAL NOT NULL,
    surplus INTEGER NOT NULL,
    UNIQUE (worker, question),
    UNIQUE (worker, position)
);
CREATE INDEX votes_of_question ON votes (question);
