-- Outcomes that this database refuses, for something that is wrong in them or in what follows from
-- them: settled without all that, so that nothing waits behind them, and kept whole for people.

-- record: the outcome as the engine's journal had it (include/rundbrief/journal.h). why: what this
-- database said. The row in deliveries is bare: who, when, verdict.
create table asides (
	tenant_id integer not null,
	campaign_id bigint not null,
	slice_id bigint not null,
	subscriber_id bigint not null,
	engine_id integer not null,
	attempt smallint not null,
	at timestamptz not null,
	set_aside_at timestamptz not null default now(),
	why text not null,
	record bytea not null,
	primary key (tenant_id, campaign_id, subscriber_id, slice_id, attempt),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
);
