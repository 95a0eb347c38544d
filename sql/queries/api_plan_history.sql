-- How large a share of first attempts was deferred by a provider in the campaigns of 90 days, where
-- enough were made to know.
select t.provider,
	(sum(t.count) filter (where t.verdict = 2))::float8 / sum(t.count)
from tallies t
join campaigns c on c.tenant_id = t.tenant_id and c.id = t.campaign_id
where t.tenant_id = $1::int and t.tries = 1 and c.launched_at > now() - interval '90 days'
group by t.provider
having sum(t.count) >= 500 and count(*) filter (where t.verdict = 2) > 0
