"""The control room in the browser: signing in, writing, approving, watching, looking back. Doors
only: every act is a command of service/.
"""
