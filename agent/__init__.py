"""The agent on every server: applies releases and answers for the server's health and its database's role.

Needs only the standard library, boto3 and pymysql from the distribution. Knows nothing of who calls it.
"""
