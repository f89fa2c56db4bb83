"""Conditions while somebody edits them: a tree of rows and brackets, half finished and possibly wrong.

`tree` is the tree and what can be done to it, `posting` reads it from a form, `rendering` prepares it for templates.
The rules about what conditions may be stay in `audience.conditions`; here nothing is refused, so that nothing typed is lost.
"""
