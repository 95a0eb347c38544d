-- Where cutting stands; nobody else cuts until the commit.
select state, fully_cut, cut_mark, highest_id, list_ids, excluded_list_ids, filter, split::text,
	hold_out, winner
from campaigns where tenant_id = $1::integer and id = $2::bigint
for no key update
