-- title: What was read of each system, and how far it can be relied on
-- columns: system, scope, kind, state, records, declared_total, gaps, suspect (why a complete reading is not believed)
SELECT system, scope, kind, state, records, declared_total, gaps, suspect
FROM scopes
ORDER BY system, scope, kind
