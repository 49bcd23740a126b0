"""Which method of the Data API is played by whom; uploads have a file of their own."""

from ytpool.sandbox import asking, resources
from ytpool.sandbox.bodies import not_played
from ytpool.sandbox.captions import Captions
from ytpool.sandbox.comments import Comments
from ytpool.sandbox.discovery import Description
from ytpool.sandbox.frontend import Call
from ytpool.sandbox.playlists import Playlists
from ytpool.sandbox.videos import Videos
from ytpool.sandbox.wire import Answer
from ytpool.sandbox.world import World


class Api:
    """Everything that is asked without media."""

    def __init__(self, world: World, description: Description, *, videos: Videos, captions: Captions) -> None:
        self._world = world
        self._description = description
        self._videos = videos
        playlists = Playlists(world, description, videos)
        comments = Comments(world, description, videos)
        self._played = {
            "channels.list": self.channels_list,
            "videos.list": videos.find,
            "videos.update": videos.update,
            "videos.delete": videos.delete,
            "videos.batchGetStats": videos.stats,
            "captions.list": captions.find,
            "captions.update": captions.update,
            "captions.delete": captions.delete,
            "playlists.list": playlists.find,
            "playlists.insert": playlists.insert,
            "playlists.update": playlists.update,
            "playlists.delete": playlists.delete,
            "playlistItems.list": playlists.find_items,
            "playlistItems.insert": playlists.insert_item,
            "playlistItems.update": playlists.update_item,
            "playlistItems.delete": playlists.delete_item,
            "commentThreads.list": comments.find_threads,
            "commentThreads.insert": comments.insert_thread,
            "comments.list": comments.find,
            "comments.insert": comments.insert,
            "comments.update": comments.update,
            "comments.delete": comments.delete,
            "comments.setModerationStatus": comments.moderate,
        }

    def answer(self, call: Call) -> Answer:
        """Do what an admitted call asks for."""
        played = self._played.get(call.method.name)
        if played is None:
            raise not_played(call.method.name)
        return played(call)

    def channels_list(self, call: Call) -> Answer:
        parts = self._description.check_parts("channels", call.parameters["part"])
        asking.one_filter(
            call, "id", "mine", others=("forHandle", "forUsername", "managedByMe", "mySubscribers", "categoryId")
        )
        ids = [call.caller.channel_id] if call.argument("mine") == "true" else asking.ids(call)
        found = [row for row in map(self._world.channels.get, ids) if row is not None]
        items = [
            resources.channel(
                row, parts, public_videos=sum(self._videos.is_public(call, v) for v in self._videos.of(row.channel_id))
            )
            for row in found
        ]
        return Answer(status=200, body=resources.listing("youtube#channelListResponse", items))
