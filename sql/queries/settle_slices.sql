-- The slices of a batch, locked so that nobody takes one over or buries it before the commit: those
-- that were taken from this engine, or closed. In one order for all.
select s.campaign_id, s.id, s.state from slices s
where s.tenant_id = $1::integer and s.campaign_id = any($2::bigint[]) and s.id = any($3::bigint[])
order by s.campaign_id, s.id for key share
