-- title: Active keys and tokens that were never used although they are older than 90 days
-- columns: system, scope, account, id, kind, created
-- A credential report says when a key was renewed, not when it was made: that is its age.
SELECT c.system, c.scope, c.account, c.id, c.kind, COALESCE(c.created, c.rotated) AS created
FROM credentials AS c
CROSS JOIN snapshot AS s
WHERE c.status = 'active'
  AND c.kind <> 'password'
  AND c.last_used_state = 'never'
  AND COALESCE(c.created, c.rotated) < s.taken - INTERVAL '90 days'
ORDER BY created, c.system, c.scope, c.id
