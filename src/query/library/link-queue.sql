-- title: Accounts whose person is not certain, with every candidate (`muster links` decides about them)
-- columns: system, account, login, name, situation, rank, person, person_name, confidence, strategy, evidence
SELECT l.system, l.account, a.login, a.name, l.situation, l.rank, l.person, l.person_name, l.confidence, l.strategy, l.evidence
FROM links AS l
JOIN accounts AS a ON a.system = l.system AND a.id = l.account
WHERE l.link IN ('proposed', 'disputed')
ORDER BY l.system, l.account, l.rank, l.person
