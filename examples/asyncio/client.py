"""Many calls at once from asyncio, one of them given up. Run service.mjs beside it."""

import asyncio

from ipcbridge import aio


async def main() -> None:
    async with aio.connect("weather") as weather:
        # Each call is sent at once; awaiting comes after.
        forecasts = await asyncio.gather(*(weather.forecast(city, days=3) for city in ("Oslo", "Bergen", "Tromsø")))
        for forecast in forecasts:
            print(f"{forecast['city']}: {'sun' if forecast['sunny'] else 'rain'} for {forecast['days']} days")
        try:
            await asyncio.wait_for(weather.forecast("Nowhere"), timeout=0.2)  # aborts the handler, too
        except asyncio.TimeoutError:
            print("Nowhere: no forecast in time")


asyncio.run(main())
