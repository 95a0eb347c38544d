-- Forgets what has been learned about a host; an engine at work may know it still, and learn it anew.
delete from mail_host
where $1::int is not null and name = $2::text
returning name
