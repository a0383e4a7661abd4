from convex import ConvexClient

client = ConvexClient("http://127.0.0.1:3210")
live = client.subscribe("messages:list", {"channel": "general"})
print("at first:", next(live))
client.mutation("messages:send", {"channel": "general", "author": "Ada", "body": "Hello!"})
print("and then:", [message["body"] for message in next(live)])
