-- The names that outcomes and suppressions are filtered by: verdict, class or reason.
select name from (select 'verdict' as kind, name from verdicts
	union all select 'verdict', 'held-out'
	union all select 'class', name from classes
	union all select 'class', name from reasons
	union all select 'reason', name from reasons) words
where $1::int is not null and kind = $2::text
