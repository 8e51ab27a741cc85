-- title: People who left and whose accounts still work
-- columns: person, status, last_day, system, account, login, last_activity (null: see last_activity_state)
SELECT l.person, e.status, e."end" AS last_day, a.system, a.id AS account, a.login, a.last_activity, a.last_activity_state
FROM links AS l
JOIN accounts AS a ON a.system = l.system AND a.id = l.account
JOIN employments AS e ON e.person = l.person
WHERE e.status = 'terminated'
  AND a.lifecycle IN ('active', 'staged', 'locked', 'expired', 'unknown')
  AND l.person NOT IN (SELECT person FROM employments WHERE status IN ('active', 'leave', 'future', 'unknown'))
ORDER BY a.system, a.id, l.person
