-- title: Who holds administrative or privileged access, and where
-- columns: system, scope, account, login, through (role, policy or group), privilege, on (resource)
SELECT g.system, g.scope, g.principal AS account, a.login, g.entitlement AS through, e.privilege, g.resource AS "on"
FROM grants AS g
JOIN entitlements AS e ON e.system = g.system AND e.id = g.entitlement
LEFT JOIN accounts AS a ON a.system = g.system AND a.id = g.principal
WHERE e.privilege IN ('admin', 'privileged')
UNION
SELECT m.system, m.scope, m.member AS account, a.login, p.name AS through, p.privilege, CAST(NULL AS VARCHAR) AS "on"
FROM memberships AS m
JOIN groups AS p ON p.system = m.system AND p.id = m."group"
LEFT JOIN accounts AS a ON a.system = m.system AND a.id = m.member
WHERE p.privilege IN ('admin', 'privileged')
