-- Transactional mail to the address, and what servers said about it.
with gone as (
	delete from outbox where tenant_id = $1::int and address_key = $2::text returning campaign_id, id),
waiting as (
	update deferrals d set text = '' from gone
	where d.tenant_id = $1::int and d.campaign_id = gone.campaign_id and d.subscriber_id = gone.id),
alone as (
	update delivery_rows d set text = '' from gone
	where d.tenant_id = $1::int and d.campaign_id = gone.campaign_id and d.subscriber_id = gone.id
		and d.text <> '')
update delivery_packs p set texts = array(
	select case when p.base_id + u.id in (select id from gone) then '' else u.text end
	from unnest(p.ids, p.texts) with ordinality as u(id, text, place) order by place)
where p.tenant_id = $1 and exists (
	select from gone where gone.campaign_id = p.campaign_id and gone.id - p.base_id = any(p.ids))
