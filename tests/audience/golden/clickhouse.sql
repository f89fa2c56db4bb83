-- boolean eq True
SELECT split_group, toInt64(SUM(CASE WHEN "boolean column" = 1 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- boolean eq False
SELECT split_group, toInt64(SUM(CASE WHEN "boolean column" = 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- boolean neq True
SELECT split_group, toInt64(SUM(CASE WHEN "boolean column" = 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- boolean neq False
SELECT split_group, toInt64(SUM(CASE WHEN "boolean column" = 1 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- boolean is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("boolean column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- boolean is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "boolean column" IS NULL THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer eq 50
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" IN (50) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer eq -9223372036854775808
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" IN (toInt64('-9223372036854775808')) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer eq 9223372036854775807
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" IN (9223372036854775807) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer neq 50
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("integer column" IS NULL) AND NOT ("integer column" IN (50))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer neq -9223372036854775808
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("integer column" IS NULL) AND NOT ("integer column" IN (toInt64('-9223372036854775808')))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer neq 9223372036854775807
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("integer column" IS NULL) AND NOT ("integer column" IN (9223372036854775807))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer in [1]
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" IN (1) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer in [1, 2, 3]
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" IN (1, 2, 3) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer not_in [1]
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("integer column" IS NULL) AND NOT ("integer column" IN (1))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer not_in [1, 2, 3]
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("integer column" IS NULL) AND NOT ("integer column" IN (1, 2, 3))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer gt 50
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" >= 51 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer gt -9223372036854775808
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" >= -9223372036854775807 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer gt 9223372036854775807
SELECT split_group, toInt64(SUM(CASE WHEN 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer gte 50
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" >= 50 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer gte -9223372036854775808
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("integer column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer gte 9223372036854775807
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" >= 9223372036854775807 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer lt 50
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" <= 49 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer lt -9223372036854775808
SELECT split_group, toInt64(SUM(CASE WHEN 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer lt 9223372036854775807
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" <= 9223372036854775806 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer lte 50
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" <= 50 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer lte -9223372036854775808
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" <= toInt64('-9223372036854775808') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer lte 9223372036854775807
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("integer column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer between [1, 9]
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" >= 1 AND "integer column" <= 9 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer between [-9223372036854775808, 9223372036854775807]
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("integer column" IS NULL) AND NOT ("integer column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("integer column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- integer is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" IS NULL THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number eq 0.1
SELECT split_group, toInt64(SUM(CASE WHEN "number column" = toFloat64('0.1') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number eq -0.0
SELECT split_group, toInt64(SUM(CASE WHEN "number column" = toFloat64('0.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number eq 5e-324
SELECT split_group, toInt64(SUM(CASE WHEN "number column" = toFloat64('5e-324') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number neq 0.1
SELECT split_group, toInt64(SUM(CASE WHEN "number column" <> toFloat64('0.1') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number neq -0.0
SELECT split_group, toInt64(SUM(CASE WHEN "number column" <> toFloat64('0.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number neq 5e-324
SELECT split_group, toInt64(SUM(CASE WHEN "number column" <> toFloat64('5e-324') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number in [1, 0.5]
SELECT split_group, toInt64(SUM(CASE WHEN ("number column" + 0.0) IN (toFloat64('1.0'), toFloat64('0.5')) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number not_in [1, 0.5]
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("number column" IS NULL) AND NOT (("number column" + 0.0) IN (toFloat64('1.0'), toFloat64('0.5')))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number gt 0.1
SELECT split_group, toInt64(SUM(CASE WHEN "number column" > toFloat64('0.1') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number gt -0.0
SELECT split_group, toInt64(SUM(CASE WHEN "number column" > toFloat64('0.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number gt 5e-324
SELECT split_group, toInt64(SUM(CASE WHEN "number column" > toFloat64('5e-324') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number gte 0.1
SELECT split_group, toInt64(SUM(CASE WHEN "number column" >= toFloat64('0.1') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number gte -0.0
SELECT split_group, toInt64(SUM(CASE WHEN "number column" >= toFloat64('0.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number gte 5e-324
SELECT split_group, toInt64(SUM(CASE WHEN "number column" >= toFloat64('5e-324') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number lt 0.1
SELECT split_group, toInt64(SUM(CASE WHEN "number column" < toFloat64('0.1') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number lt -0.0
SELECT split_group, toInt64(SUM(CASE WHEN "number column" < toFloat64('0.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number lt 5e-324
SELECT split_group, toInt64(SUM(CASE WHEN "number column" < toFloat64('5e-324') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number lte 0.1
SELECT split_group, toInt64(SUM(CASE WHEN "number column" <= toFloat64('0.1') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number lte -0.0
SELECT split_group, toInt64(SUM(CASE WHEN "number column" <= toFloat64('0.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number lte 5e-324
SELECT split_group, toInt64(SUM(CASE WHEN "number column" <= toFloat64('5e-324') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number between [0.1, 9]
SELECT split_group, toInt64(SUM(CASE WHEN "number column" >= toFloat64('0.1') AND "number column" <= toFloat64('9.0') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("number column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- number is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "number column" IS NULL THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string eq 'de'
SELECT split_group, toInt64(SUM(CASE WHEN "string column" = 'de' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string eq ''
SELECT split_group, toInt64(SUM(CASE WHEN "string column" = '' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string eq 'O\'Neill \\ "x" 100%_\n'
SELECT split_group, toInt64(SUM(CASE WHEN "string column" = 'O''Neill \\ "x" 100%_\n' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string eq '日本🦄'
SELECT split_group, toInt64(SUM(CASE WHEN "string column" = '日本🦄' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string neq 'de'
SELECT split_group, toInt64(SUM(CASE WHEN "string column" <> 'de' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string neq ''
SELECT split_group, toInt64(SUM(CASE WHEN "string column" <> '' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string neq 'O\'Neill \\ "x" 100%_\n'
SELECT split_group, toInt64(SUM(CASE WHEN "string column" <> 'O''Neill \\ "x" 100%_\n' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string neq '日本🦄'
SELECT split_group, toInt64(SUM(CASE WHEN "string column" <> '日本🦄' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string in ['de']
SELECT split_group, toInt64(SUM(CASE WHEN "string column" IN ('de') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string in ['de', 'fr', 'é']
SELECT split_group, toInt64(SUM(CASE WHEN "string column" IN ('de', 'fr', 'é') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string in ['', 'de']
SELECT split_group, toInt64(SUM(CASE WHEN "string column" IN ('', 'de') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string not_in ['de']
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("string column" IS NULL) AND NOT ("string column" IN ('de'))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string not_in ['de', 'fr', 'é']
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("string column" IS NULL) AND NOT ("string column" IN ('de', 'fr', 'é'))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string not_in ['', 'de']
SELECT split_group, toInt64(SUM(CASE WHEN (NOT ("string column" IS NULL) AND NOT ("string column" IN ('', 'de'))) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string contains 'de'
SELECT split_group, toInt64(SUM(CASE WHEN positionUTF8("string column", 'de') > 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string contains ''
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("string column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string contains 'O\'Neill \\ "x" 100%_\n'
SELECT split_group, toInt64(SUM(CASE WHEN positionUTF8("string column", 'O''Neill \\ "x" 100%_\n') > 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string contains '日本🦄'
SELECT split_group, toInt64(SUM(CASE WHEN positionUTF8("string column", '日本🦄') > 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string starts_with 'de'
SELECT split_group, toInt64(SUM(CASE WHEN startsWith("string column", 'de') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string starts_with ''
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("string column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string starts_with 'O\'Neill \\ "x" 100%_\n'
SELECT split_group, toInt64(SUM(CASE WHEN startsWith("string column", 'O''Neill \\ "x" 100%_\n') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string starts_with '日本🦄'
SELECT split_group, toInt64(SUM(CASE WHEN startsWith("string column", '日本🦄') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string ends_with 'de'
SELECT split_group, toInt64(SUM(CASE WHEN endsWith("string column", 'de') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string ends_with ''
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("string column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string ends_with 'O\'Neill \\ "x" 100%_\n'
SELECT split_group, toInt64(SUM(CASE WHEN endsWith("string column", 'O''Neill \\ "x" 100%_\n') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string ends_with '日本🦄'
SELECT split_group, toInt64(SUM(CASE WHEN endsWith("string column", '日本🦄') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches ''
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", '') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches '^a.c$'
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", '^a[^\\x0a]c$') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches '\\bfoo\\b'
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", '\\bfoo\\b') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches '(|a)b'
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", '(?:|a)b') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches '[^\\d]{2,3}'
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", '[^0-9]{2}') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches 'x{300}'
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", 'x{300}') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches '\\t\\x01é'
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", '\\x09\\x01é') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string matches "a\\.b|c'd"
SELECT split_group, toInt64(SUM(CASE WHEN lengthUTF8("string column") <= 512 AND match("string column", 'a\\.b|c\\''d') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("string column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- string is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "string column" IS NULL THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date eq '2026-01-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 00:00:00', 6, 'UTC') AND "date column" < toDateTime64('2026-02-01 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date eq '2026-01-31T10:00:00.123456Z'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 10:00:00.123456', 6, 'UTC') AND "date column" < toDateTime64('2026-01-31 10:00:00.123457', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date eq '0001-01-01'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('0001-01-01 00:00:00', 6, 'UTC') AND "date column" < toDateTime64('0001-01-02 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date eq '9999-12-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('9999-12-31 00:00:00', 6, 'UTC') AND NOT ("date column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date neq '2026-01-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-01-31 00:00:00', 6, 'UTC') OR "date column" >= toDateTime64('2026-02-01 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date neq '2026-01-31T10:00:00.123456Z'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-01-31 10:00:00.123456', 6, 'UTC') OR "date column" >= toDateTime64('2026-01-31 10:00:00.123457', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date neq '0001-01-01'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('0001-01-01 00:00:00', 6, 'UTC') OR "date column" >= toDateTime64('0001-01-02 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date neq '9999-12-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('9999-12-31 00:00:00', 6, 'UTC') OR 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gt '2026-01-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-02-01 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gt '2026-01-31T10:00:00.123456Z'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 10:00:00.123457', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gt '0001-01-01'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('0001-01-02 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gt '9999-12-31'
SELECT split_group, toInt64(SUM(CASE WHEN 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gte '2026-01-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gte '2026-01-31T10:00:00.123456Z'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 10:00:00.123456', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gte '0001-01-01'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('0001-01-01 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date gte '9999-12-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('9999-12-31 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lt '2026-01-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-01-31 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lt '2026-01-31T10:00:00.123456Z'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-01-31 10:00:00.123456', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lt '0001-01-01'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('0001-01-01 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lt '9999-12-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('9999-12-31 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lte '2026-01-31'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-02-01 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lte '2026-01-31T10:00:00.123456Z'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-01-31 10:00:00.123457', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lte '0001-01-01'
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('0001-01-02 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date lte '9999-12-31'
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("date column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date between ['2026-01-31', '2026-02-01']
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 00:00:00', 6, 'UTC') AND "date column" < toDateTime64('2026-02-02 00:00:00', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date between ['2026-01-31T10:00:00Z', '2026-01-31T11:00:00Z']
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-01-31 10:00:00', 6, 'UTC') AND "date column" < toDateTime64('2026-01-31 11:00:00.000001', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date within_days 0
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-11-01 12:30:15.123456', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date within_days 30
SELECT split_group, toInt64(SUM(CASE WHEN "date column" >= toDateTime64('2026-10-02 12:30:15.123456', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date older_than_days 0
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-11-01 12:30:15.123456', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date older_than_days 30
SELECT split_group, toInt64(SUM(CASE WHEN "date column" < toDateTime64('2026-10-02 12:30:15.123456', 6, 'UTC') THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("date column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- date is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "date column" IS NULL THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version version_eq '1.10'
SELECT split_group, toInt64(SUM(CASE WHEN "version column__key" = '000000001000000010000000000000000000000000000000000000' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version version_gt '1.10'
SELECT split_group, toInt64(SUM(CASE WHEN "version column__key" > '000000001000000010000000000000000000000000000000000000' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version version_gte '1.10'
SELECT split_group, toInt64(SUM(CASE WHEN "version column__key" >= '000000001000000010000000000000000000000000000000000000' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version version_lt '1.10'
SELECT split_group, toInt64(SUM(CASE WHEN "version column__key" < '000000001000000010000000000000000000000000000000000000' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version version_lte '1.10'
SELECT split_group, toInt64(SUM(CASE WHEN "version column__key" <= '000000001000000010000000000000000000000000000000000000' THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT ("version column" IS NULL) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- version is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "version column" IS NULL THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list has 'a'
SELECT split_group, toInt64(SUM(CASE WHEN CASE WHEN "list column__set" = 1 THEN has("list column", 'a') END THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list has "a'b"
SELECT split_group, toInt64(SUM(CASE WHEN CASE WHEN "list column__set" = 1 THEN has("list column", 'a''b') END THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list has_any ['a']
SELECT split_group, toInt64(SUM(CASE WHEN CASE WHEN "list column__set" = 1 THEN has("list column", 'a') END THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list has_any ['a', 'b']
SELECT split_group, toInt64(SUM(CASE WHEN CASE WHEN "list column__set" = 1 THEN hasAny("list column", ['a', 'b']) END THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list has_none ['a']
SELECT split_group, toInt64(SUM(CASE WHEN NOT CASE WHEN "list column__set" = 1 THEN has("list column", 'a') END THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list has_none ['a', 'b']
SELECT split_group, toInt64(SUM(CASE WHEN NOT CASE WHEN "list column__set" = 1 THEN hasAny("list column", ['a', 'b']) END THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list is_set
SELECT split_group, toInt64(SUM(CASE WHEN NOT "list column__set" = 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- list is_not_set
SELECT split_group, toInt64(SUM(CASE WHEN "list column__set" = 0 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- everyone
SELECT split_group, toInt64(SUM(CASE WHEN 1 THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- AND binds tighter than OR
SELECT split_group, toInt64(SUM(CASE WHEN "integer column" >= 18 OR ((NOT ("string column" IS NULL) AND NOT ("string column" IN ('de', 'fr'))) AND NOT CASE WHEN "list column__set" = 1 THEN hasAny("list column", ['a', 'b']) END) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;

-- brackets
SELECT split_group, toInt64(SUM(CASE WHEN ("integer column" >= 18 OR (NOT ("string column" IS NULL) AND NOT ("string column" IN ('de', 'fr')))) AND (NOT CASE WHEN "list column__set" = 1 THEN hasAny("list column", ['a', 'b']) END OR "integer column" >= 18) THEN 1 ELSE 0 END)) AS users FROM users GROUP BY split_group;
