-- Sources that earn a provider's trust (engine/shape/warmup.h), and what became of each day's mail.

-- What left by a source to a provider ('' is every provider that has no name) on one day of the
-- zone that the configuration names (UTC). Only attempts that a server answered, or that are in
-- doubt; mail that goes to relays is not in it. deferred: put off or blocked for the source's
-- sake; a greylisting or a full mailbox is not. complained is told by people and by feedback.
create table source_days (
	tenant_id integer not null,
	source text collate "C" not null,
	provider text collate "C" not null,
	day date not null,
	started bigint not null,
	delivered bigint not null,
	deferred bigint not null,
	complained bigint not null,
	primary key (tenant_id, source, provider, day)
) with (fillfactor = 50);

-- Where a source stands with a provider: step is the index of the curve's step that day has;
-- counted are the starts of that day, those included that an engine has only reserved.
create table warmups (
	tenant_id integer not null,
	source text collate "C" not null,
	provider text collate "C" not null,
	step integer not null default 0,
	step_since date,
	day date,
	mailed_day date,
	counted integer not null default 0,
	held text not null default '', -- why the step did not rise when the day began
	changed timestamptz not null default now(),
	primary key (tenant_id, source, provider)
) with (fillfactor = 50);
