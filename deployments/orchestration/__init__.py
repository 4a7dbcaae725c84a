"""What `prefect deploy` cannot make: work pools with their job template, and automations.

Applied by `fraud orchestrate`, as often as one likes: what is there already is brought to what stands here.
"""
