-- Servers like to repeat the address in their replies.
with waiting as (
	update deferrals set text = '' where tenant_id = $1::int and subscriber_id = $2::bigint),
aside as (
	delete from asides where tenant_id = $1 and subscriber_id = $2),
alone as (
	update delivery_rows set text = '' where tenant_id = $1::int and subscriber_id = $2::bigint
		and text <> '')
update delivery_packs p set texts = array(
	select case when p.base_id + u.id = $2 then '' else u.text end
	from unnest(p.ids, p.texts) with ordinality as u(id, text, place) order by place)
where p.tenant_id = $1 and $2 - p.base_id = any(p.ids)
