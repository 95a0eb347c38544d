-- Whose verdict an engine that came back has told of, in a range of a campaign.
select b.subscriber_id from burials b
where b.tenant_id = $1::integer and b.campaign_id = $2::bigint and b.final
	and b.subscriber_id between $3::bigint and $4::bigint
order by b.subscriber_id
