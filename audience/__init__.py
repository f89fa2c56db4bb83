"""Who is in a test: the filter catalogue, conditions, the warehouse of users, counting and drawing split groups.

`conditions` turns what people and programs send into typed trees, `compiling` turns those into SQL,
`warehouse` runs it, `drawing` deals the 2400 split groups. Nothing here knows of tests or settings groups.
"""
