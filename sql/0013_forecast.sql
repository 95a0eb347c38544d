-- What `rundbrief plan` said would become of a campaign, and when it did: per mailbox provider.

-- A forecast as of its making; another one takes its place. end_after: from the start to the last
-- first attempt; NULL: not within a year. hold: the limit that binds. provider '': all others.
create table campaign_forecasts (
	tenant_id integer not null,
	campaign_id bigint not null,
	provider text collate "C" not null,
	recipients bigint not null,
	end_after interval,
	per_hour double precision not null,
	hold text not null,
	start_at timestamptz not null,
	made_at timestamptz not null default now(),
	primary key (tenant_id, campaign_id, provider),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
);

-- When the first attempts at a provider ended: kept by the transactions that write the outcomes, so
-- that a report asks no million deliveries. A row an engine: none waits for another's.
create table campaign_provider_times (
	tenant_id integer not null,
	campaign_id bigint not null,
	engine_id integer not null,
	provider text collate "C" not null,
	first_at timestamptz not null,
	last_first_attempt_at timestamptz not null,
	primary key (tenant_id, campaign_id, engine_id, provider)
) with (fillfactor = 30);
