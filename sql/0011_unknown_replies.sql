-- Replies that no rule knows, so that somebody can teach the classifier what they mean.

-- A pattern is a reply's text as plain words, without what varies: addresses, numbers, ids. The
-- example is one text as it came, addresses taken out. Of a tenant some thousand patterns are
-- kept, those seen last.
create table unknown_replies (
	tenant_id integer not null,
	code smallint not null,
	stage smallint not null,
	provider text collate "C" not null,
	pattern text collate "C" not null,
	count bigint not null,
	first_seen timestamptz not null,
	last_seen timestamptz not null,
	example text not null,
	primary key (tenant_id, code, stage, provider, pattern)
);
create index unknown_replies_seen on unknown_replies (tenant_id, last_seen);
