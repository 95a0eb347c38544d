-- Whether mail of a running campaign has gone to a provider, or an engine has a path there.
select 1 where exists (select from path_states where tenant_id = $1::int and provider = $2::text)
	or exists (select from tallies t join campaigns c on c.tenant_id = t.tenant_id
		and c.id = t.campaign_id and c.state in (1, 2)
		where t.tenant_id = $1::int and t.provider = $2::text)
