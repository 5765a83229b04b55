"""What people are told, where the operator named a channel for it: changes, plans, parked messages, alert conditions.

One replica at a time is on duty; nothing here is on the way of a decision, a command or a reply.
"""
