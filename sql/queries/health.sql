-- A campaign's window, how far it has come, and what the breaker judges: a row a provider, since it
-- was resumed. Its own figures stand in each.
select w.is_open, w.is_over, w.fault, w.changes_at, w.ends_at, c.resumed_at is not null,
	case when c.fully_cut then x.targeted when c.filter is null then greatest(c.expected, x.targeted)
		when c.cut_mark > 0 then x.targeted * greatest(c.highest_id, c.cut_mark) / c.cut_mark
		else 0 end,
	greatest(x.cut - c.cut_before, 0), n.provider, n.begun, n.attempted, n.delivered, n.hard,
	n.settled, n.complaints, n.answered, n.blocked, n.auth_failed, n.sender_rejected,
	n.content_rejected, window_left(campaign_window_spec(c.tenant_id, c.id), now())
from campaigns c
cross join lateral campaign_window(c.tenant_id, c.id) w
cross join lateral (select coalesce(sum(s.count) filter (where s.state <> 5), 0)::bigint as cut,
		coalesce(sum(s.count + s.suppressed_count), 0)::bigint as targeted
	from slices s where s.tenant_id = $1 and s.campaign_id = $2 and s.kind = 0) x
cross join lateral (
	select a.provider, sum(a.attempted)::bigint as begun,
		greatest(sum(a.attempted) - max(coalesce(j.attempted, 0)), 0)::bigint as attempted,
		greatest(sum(a.delivered) - max(coalesce(j.delivered, 0)), 0)::bigint as delivered,
		greatest(sum(a.hard) - max(coalesce(j.hard, 0)), 0)::bigint as hard,
		greatest(sum(a.settled) - max(coalesce(j.settled, 0)), 0)::bigint as settled,
		greatest(sum(a.complaints) - max(coalesce(j.complaints, 0)), 0)::bigint as complaints,
		greatest(sum(a.answered) - max(coalesce(j.answered, 0)), 0)::bigint as answered,
		greatest(sum(a.blocked) - max(coalesce(j.blocked, 0)), 0)::bigint as blocked,
		greatest(sum(a.auth_failed) - max(coalesce(j.auth_failed, 0)), 0)::bigint as auth_failed,
		greatest(sum(a.sender_rejected) - max(coalesce(j.sender_rejected, 0)), 0)::bigint
			as sender_rejected,
		greatest(sum(a.content_rejected) - max(coalesce(j.content_rejected, 0)), 0)::bigint
			as content_rejected
	from campaign_counts(c.tenant_id, c.id) a
	left join campaign_judged j
		on j.tenant_id = c.tenant_id and j.campaign_id = c.id and j.provider = a.provider
	group by a.provider) n
where c.tenant_id = $1::integer and c.id = $2::bigint
