-- title: Active keys and tokens that were never used although they are older than 90 days
-- columns: system, scope, account, id, kind, created
SELECT c.system, c.scope, c.account, c.id, c.kind, c.created
FROM credentials AS c
CROSS JOIN snapshot AS s
WHERE c.status = 'active'
  AND c.kind <> 'password'
  AND c.last_used_state = 'never'
  AND c.created < s.taken - INTERVAL '90 days'
ORDER BY c.created, c.system, c.scope, c.id
