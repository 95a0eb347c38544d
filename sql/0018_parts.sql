-- Files that travel with a campaign's letters: attachments, images. What a revision has of them is
-- listed in its settings (parts), by the hash of their bytes: a file that two revisions share is
-- here once.

create table parts (
	tenant_id integer not null,
	campaign_id bigint not null,
	sha256 bytea not null check (length(sha256) = 32),
	bytes bytea not null,
	primary key (tenant_id, campaign_id, sha256),
	foreign key (tenant_id, campaign_id) references campaigns on delete cascade
);
-- Pictures and archives do not become smaller, and each is read as a whole.
alter table parts alter column bytes set storage external;
