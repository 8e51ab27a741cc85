-- title: Active human accounts that no person corresponds to (rule ORP-001 also weighs completeness and exceptions)
-- columns: system, scope, id, login, name, class, lifecycle, last_activity
SELECT a.system, a.scope, a.id, a.login, a.name, a.class, a.lifecycle, a.last_activity
FROM accounts AS a
LEFT ANTI JOIN links AS l ON l.system = a.system AND l.account = a.id
WHERE a.lifecycle IN ('active', 'staged', 'locked', 'expired', 'unknown')
  AND (a.class IS NULL OR a.class IN ('human', 'admin'))
ORDER BY a.system, a.scope, a.id
