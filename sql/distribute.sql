-- Spreads a database over several nodes by Citus, tenant by tenant. No migration: a person runs it once,
-- behind `rundbrief init` and before there are rows, on the coordinator:
--     psql -v ON_ERROR_STOP=1 -f sql/distribute.sql DATABASE
-- What Citus refuses of the rest is named in README.md; tests/live/test_citus.py runs this where Citus is.

-- Numbers and their names, and what is the same for all: a copy on each node.
select create_reference_table(t::regclass) from unnest(array['tenants', 'verdicts', 'classes', 'stages',
	'reasons', 'strike_rules', 'outbox_states', 'mail_host']) with ordinality as x(t, n) order by n;

-- Triggers write rows of the same tenant only, and so of the same node.
set citus.enable_unsafe_triggers = on;

-- Parents before those who refer to them; all of a tenant's rows come to lie on one node.
select create_distributed_table('lists', 'tenant_id');
select create_distributed_table(t::regclass, 'tenant_id', colocate_with => 'lists')
from unnest(array['subscribers', 'subscriptions', 'attribute_counts', 'attribute_changes', 'campaigns',
	'templates', 'parts', 'engines', 'sources', 'slices', 'start_marks', 'delivery_rows',
	'delivery_packs', 'deferrals', 'tallies',
	'variant_tallies', 'burials', 'asides', 'stops', 'suppressions', 'suppressions_scoped', 'strikes',
	'domain_strikes', 'provider_days', 'incidents', 'suppressions_held', 'outbox', 'source_days', 'warmups',
	'unknown_replies', 'path_states', 'domain_sites', 'campaign_forecasts', 'campaign_provider_times',
	'campaign_judged', 'campaign_links', 'draw_accounts', 'path_memory', 'tls_result', 'tls_report_sent'])
	with ordinality as x(t, n) order by n;
