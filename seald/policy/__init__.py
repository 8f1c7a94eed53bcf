"""What writes self-edits: forms, facts, the support filter, directives, and the writing itself."""
