-- title: Groups that nobody owns, the largest first
-- columns: system, scope, id, name, members (direct ones)
SELECT g.system, g.scope, g.id, g.name, COUNT(m.member) AS members
FROM groups AS g
LEFT JOIN memberships AS m ON m.system = g.system AND m."group" = g.id
WHERE g.owner IS NULL
GROUP BY g.system, g.scope, g.id, g.name
ORDER BY members DESC, g.system, g.scope, g.id
