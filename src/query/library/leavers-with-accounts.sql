-- title: People who left and whose accounts still work
-- columns: person, last_day, system, account, login, last_activity (null: see last_activity_state)
WITH leavers AS (
  SELECT person, MAX("end") AS last_day
  FROM employments
  GROUP BY person
  HAVING SUM(CASE WHEN status = 'terminated' THEN 0 ELSE 1 END) = 0
)
SELECT l.person, p.last_day, a.system, a.id AS account, a.login, a.last_activity, a.last_activity_state
FROM links AS l
JOIN accounts AS a ON a.system = l.system AND a.id = l.account
JOIN leavers AS p ON p.person = l.person
WHERE a.lifecycle IN ('active', 'staged', 'locked', 'expired', 'unknown')
ORDER BY a.system, a.id, l.person
