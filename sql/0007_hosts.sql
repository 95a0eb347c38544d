-- What engines learn about mail hosts, and what TLS reports (RFC 8460) are made of.

-- A host is the same for every tenant: this table alone is not led by one. flight: 0 lockstep,
-- 1 group, 2 next, 3 chunk, 4 window; flight_limit is the most that may be tried again before
-- flight_limit_until. A host that nothing new is learned about for 60 days is forgotten.
create table mail_host (
	name text collate "C" primary key,
	flight smallint not null,
	flight_limit smallint not null,
	flight_limit_until timestamptz,
	window_size integer not null,
	proven integer not null default 0, -- it took so many on a connection without hanging up
	messages_per_connection integer, -- it closes after so many
	messages_until timestamptz,
	tls_broken_until timestamptz,    -- a handshake failed
	note text not null,              -- why, for people
	changed timestamptz not null
);
create index mail_host_changed on mail_host (changed);

create function text_hash(value text) returns bytea
language sql immutable strict parallel safe
return sha256(convert_to(value, 'UTF8'));

-- Sessions of a day (UTC) by what became of TLS: statistics, never verdicts. result_type '' is
-- success. The text of a policy may be longer than a key, so its hash is in its place. Kept for
-- 30 days.
create table tls_result (
	tenant_id integer not null,
	day date not null,
	policy_domain text collate "C" not null,
	policy_type text collate "C" not null,
	policy_text text not null,
	policy_hash bytea not null generated always as (text_hash(policy_text)) stored,
	result_type text collate "C" not null,
	sending_ip text collate "C" not null,
	receiving_mx text collate "C" not null,
	receiving_ip text collate "C" not null,
	failure_reason text collate "C" not null,
	count bigint not null,
	primary key (tenant_id, day, policy_domain, policy_type, policy_hash, result_type, sending_ip,
		receiving_mx, receiving_ip, failure_reason)
);

-- A report that somebody has taken is sent to him no more.
create table tls_report_sent (
	tenant_id integer not null,
	day date not null,
	policy_domain text collate "C" not null,
	sent_to text collate "C" not null,
	sent_at timestamptz not null default now(),
	primary key (tenant_id, day, policy_domain, sent_to)
);
