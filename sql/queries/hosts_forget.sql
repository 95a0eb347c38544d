-- Hosts about which nothing new has been learned for 60 days; who else forgets is not waited for.
delete from mail_host
where name in (select name from mail_host
	where changed < now() - interval '60 days'
	order by changed
	limit 1000
	for update skip locked)
