"""A scan on many machines: Ray starts what reads files and looks at pictures; this process only keeps what is made.

``starting`` joins a cluster and ``nodes`` is what runs on it; these two know Ray. ``sameness`` says who may take part,
``asking`` shares out the pictures of one video, ``standby`` knows who can be asked, ``workers`` is what a scan asks.
"""
