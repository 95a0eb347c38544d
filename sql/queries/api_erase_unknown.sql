-- Of whoever is erased no example is left that names him: servers repeat the address, or the part
-- before its "@" alone. Compared as words; a reply that is forgotten so shows up again.
delete from unknown_replies
where tenant_id = $1::int
	and position(' ' || regexp_replace(lower(split_part($2::text, '@', 1)), '[^[:alnum:]]+', ' ', 'g')
		|| ' ' in ' ' || regexp_replace(lower(example), '[^[:alnum:]]+', ' ', 'g') || ' ') > 0
