-- Links: which secret a campaign's tokens are made with, and where its tracked links lead.

-- The letter that its tokens begin with (engine/sign/mac.h), kept from its launch on: a retry's
-- Message-ID and sender stay the same when a new secret is made. Null: launched before secrets
-- had letters, so with the oldest.
alter table campaigns add column token_key text check (token_key ~ '^[a-z2-7]$');

-- The links of a revision that clicks are counted for, numbered as they stand in the HTML. Where
-- is_liquid, target is Liquid that says for each recipient where the link leads.
create table campaign_links (
	tenant_id integer not null,
	campaign_id bigint not null,
	revision integer not null,
	index integer not null check (index > 0),
	target text not null,
	text text not null default '', -- what a reader sees of it
	is_liquid boolean not null default false,
	primary key (tenant_id, campaign_id, revision, index),
	foreign key (tenant_id, campaign_id, revision)
		references templates (tenant_id, campaign_id, revision) on delete cascade
);
