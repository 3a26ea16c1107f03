"""Answers: what the log and the view say of codes, captures and findings, to whom they may say it."""
