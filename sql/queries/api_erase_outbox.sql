-- Transactional mail to the address, and what servers said about it.
with gone as (
	delete from outbox where tenant_id = $1::int and address_key = $2::text returning campaign_id, id),
waiting as (
	update deferrals d set text = '' from gone
	where d.tenant_id = $1::int and d.campaign_id = gone.campaign_id and d.subscriber_id = gone.id)
update deliveries d set text = '' from gone
where d.tenant_id = $1::int and d.campaign_id = gone.campaign_id and d.subscriber_id = gone.id
	and d.text <> ''
