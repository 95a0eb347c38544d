-- Counts of outcomes. class is the name of a class, or of a reason for suppressed ones.
select v.name, coalesce(k.name, r.name, t.class::text), t.tries, t.final, t.provider, sum(t.count)
from tallies t
join verdicts v on v.number = t.verdict
left join classes k on k.number = t.class and t.verdict <> 5
left join reasons r on r.number = t.class
where t.tenant_id = $1::int and t.campaign_id = $2::bigint
group by 1, 2, 3, 4, 5
