"""Which answers to the questions are well known? Our own list, by words of each question."""

FIELDS = (
    (r"bridge over a river", "charles tower rialto thames vltava golden brooklyn danube prague london"),
    (r"title", """
        memoir language machine translation words lost code mind phd years thesis journey story student decade
        parsing"""),
    (r"new year", """
        wish wishing joy health happiness love laughter luck hope best dreams success peace year friend bring
        cheers"""),
    (r"magical forest", """
        fairy unicorn mushroom tree elf dragon stream sprite gnome wizard glow owl deer flower pond potion witch"""),
    (r"paladin|filly|puffle|name the dog", """
        arthur aldric adrian alaric thorn elara seraphina lyra kael darian rowan cedric lucian gabriel valen
        eldrin silver misty storm shadow ash willow luna stella pebble snow daisy pearl dusty smoky blue fluffy
        puff bubbles pip sunny ziggy spark buddy max charlie rusty bella lucy cooper ginger honey biscuit scout
        rex fido loyal lady teddy oliver milo finn hope"""),
    (r"birthday gift|mother's day", """
        watch book wallet necklace flowers jewelry ring bracelet perfume camera headphones whiskey wine spa
        dinner concert ticket trip card mug photo album frame voucher massage chocolate cake bouquet candle
        scarf robe kindle bag journal letter"""),
    (r"wallet|summer dress|stores", """
        amazon etsy fossil coach bellroy nordstrom macy zara asos mango target walmart ebay gucci prada
        saddleback hm revolve anthropologie zappos ridge levi gap shein reformation bloomingdale"""),
    (r"graphics card", """
        nvidia geforce rtx gtx radeon amd rx 3060 3070 3080 4060 4070 4080 6700 6800 7800 7900 arc titan intel"""),
    (r"pittsburgh", """
        bridge river steel steeler heinz ketchup carnegie incline penguin pirate mellon three hill robot rust
        warhol rogers fries sandwich pierogi smoke pollution dinosaur museum hospital polio vaccine weather
        traffic rain cloud"""),
    (r"graduate student", """
        money debt stress work pay poor thesis advisor sleep time pressure hours loneliness deadline tired paper"""),
    (r"graduate program", """
        harvard stanford mit princeton yale oxford cambridge caltech berkeley chicago columbia law medicine
        business"""),
    (r"dog breed", """
        husky beagle malinois akita dalmatian chow collie shepherd terrier rottweiler cane corso wolf hound
        mastiff"""),
    (r"car won't start", """
        battery fuel gas key starter cable ignition spark alternator fuse engine terminal plug switch dead"""),
    (r"glass half", "full empty"),
    (r"get hired", """
        experience skill interview resume lack qualification confidence fit network attitude prepare education"""),
    (r"dream job|reputed job", """
        doctor lawyer engineer teacher pilot astronaut nurse writer actor singer artist chef scientist judge
        designer surgeon musician photographer professor programmer architect athlete dentist developer director
        explorer accountant"""),
    (r"type of problem", """
        math logic ethic moral human social emotion conflict ambiguous puzzle data language code abstract
        physics"""),
    (r"pok.mon", """
        totodile cyndaquil chikorita typhlosion feraligatr lugia ho-oh celebi tyranitar umbreon espeon ampharos
        scizor togepi wobbuffet heracross suicune entei raikou steelix crobat pichu houndoom gengar"""),
    (r"ice breaking", """
        what where which favorite hobby travel food movie book superpower job music place world weekend island"""),
    (r"papua", """
        john peter michael david paul james moses samuel joseph kila mek tau daniel thomas simon mathew elijah"""),
    (r"publication in science", """
        nature science cell lancet journal new england jama physical review proceedings plos scientific"""),
    (r"greek mythology", """
        zeus hera poseidon athena apollo artemis ares aphrodite hermes hades demeter dionysus hestia hephaestus
        persephone nike pan eros cronus gaia rhea helios hecate nyx"""),
    (r"spanish speaking", """
        spain mexico colombia argentina peru chile cuba ecuador bolivia venezuela uruguay paraguay panama
        honduras guatemala nicaragua costa salvador dominican puerto"""),
    (r"movie star", """
        cruise hanks roberts pitt dicaprio ryan carrey willis schwarzenegger stone gibson bullock smith cage
        costner ford washington travolta moore williams reeves depp kidman stallone sandler"""),
    (r"wild animal|random animal", """
        bear pig boar fox raccoon coyote badger skunk monkey chimpanzee hedgehog opossum crow elephant lion
        tiger dolphin penguin giraffe zebra dog cat horse rabbit kangaroo panda owl eagle shark whale otter frog
        turtle snake wolf deer koala"""),
    (r"pink floyd", "roger waters david gilmour nick mason richard wright syd barrett"),
    (r"python framework", "pytorch tensorflow keras jax flax numpy mxnet chainer theano paddle"),
    (r"harry potter", "stone philosopher sorcerer chamber prisoner azkaban goblet order phoenix prince hallows"),
    (r"other than the sun", """
        sirius vega betelgeuse polaris rigel proxima centauri arcturus aldebaran antares canopus altair deneb
        capella"""),
    (r"absorbs heat", """
        photosynthesis endothermic melting evaporation electrolysis decomposition boiling dissolving sublimation
        ammonium"""),
    (r"fruit and one", """
        apple banana orange mango strawberry pear grape kiwi pineapple cherry peach plum lemon melon blueberry
        papaya carrot broccoli spinach potato onion tomato cucumber pepper celery kale cabbage lettuce zucchini
        cauliflower pea bean"""),
    (r"pie filling", """
        apple cherry peach blueberry strawberry pumpkin lemon rhubarb pear raspberry blackberry banana lime plum"""),
    (r"handbag", """
        coach gucci prada chanel kors kate spade vuitton hermes birkin dior tote fossil furla longchamp dooney
        celine"""),
    (r"first phone", "iphone samsung galaxy pixel nokia motorola moto xiaomi oneplus gabb pinwheel apple"),
    (r"teachers hate", "irregardless literally could care less homework grammar ain't alot english read like me"),
    (r"terrible quality", """
        detroit memphis baltimore cleveland gary flint stockton camden newark oakland chicago bernardino
        birmingham louis jackson angeles fresno bakersfield houston vegas"""),
    (r"africa", """
        nairobi cairo lagos accra abuja pretoria kigali kampala addis ababa tunis rabat algiers dakar luanda
        harare lusaka johannesburg cape durban casablanca marrakech alexandria dar tripoli khartoum maputo
        windhoek gaborone bamako kinshasa"""),
    (r"nineteenth", """
        lincoln darwin napoleon marx victoria edison tesla dickens twain bismarck douglass tubman nightingale
        pasteur beethoven bonaparte nietzsche austen garibaldi bolivar tolstoy gandhi anthony bell"""),
    (r"cities worth|destination", """
        paris london rome tokyo york barcelona venice prague kyoto istanbul sydney vienna amsterdam berlin
        florence dubai singapore lisbon bali maldives hawaii santorini italy france spain japan greece thailand
        iceland switzerland cancun mexico hong kong orlando maui bora francisco madrid athens"""),
    (r"television series", """
        breaking bad sopranos wire friends office thrones stranger things crown lost seinfeld mad fargo sherlock
        succession better saul simpsons westworld house dexter homeland peaky blinders chernobyl"""),
    (r"fields medal", """
        tao mirzakhani perelman serre grothendieck milnor villani witten scholze bhargava smale viazovska
        deligne donaldson"""),
    (r"memorable shopping|grocery", """
        chocolate fruit cheese bread wine cake ice cookie coffee berry strawberry spice fish saffron truffle
        honey"""),
    (r"indian", """
        arjun rahul rohan aarav krishna vivek raj amit aditya dev vikram sanjay anand nikhil ravi karan ishaan
        gandhi nehru modi tagore khan kumar kohli pichai nadella harris priyanka rao patel singh sharma"""),
    (r"cocktail", """
        mojito daiquiri colada mai tai cuba libre hurricane zombie punch grog dark stormy painkiller swizzle
        mule"""),
    (r"american revolution", """
        washington jefferson franklin adams hamilton revere madison henry lafayette arnold hancock paine greene
        hale cornwallis ross jones allen knox burr"""),
    (r"ufc", """
        mcgregor khabib nurmagomedov jones silva adesanya rousey nunes usman pierre diaz ngannou lesnar
        volkanovski holloway liddell poirier"""),
    (r"combat sports", """
        boxing judo karate wrestling taekwondo muay kickboxing jiu-jitsu jitsu mma fencing sumo sambo kung mixed
        aikido"""),
    (r"source of protein", """
        chicken beef egg fish beans lentil tofu nuts milk yogurt cheese turkey salmon tuna pork quinoa meat whey
        peanut"""),
    (r"popular writer|renowned writer", """
        king rowling shakespeare orwell hemingway austen dickens twain christie tolkien murakami atwood achebe
        adichie soyinka okri emecheta saro-wiwa oyeyemi gaiman grisham patterson tolstoy woolf"""),
    (r"arrowverse", """
        oliver queen barry allen flash arrow felicity kara supergirl diggle iris canary lance cisco ramon sara
        cold constantine thea"""),
    (r"car to get in|best car", """
        toyota honda tesla ford bmw hyundai kia mazda subaru lexus audi civic corolla camry model prius
        chevrolet accord mustang"""),
    (r"going on a vacation", """
        relax rest time food family explore escape new culture beach stress see fun friends freedom experience
        work"""),
    (r"unsolved problem", """
        riemann hypothesis np dark matter energy collatz goldbach consciousness poincare navier stokes gravity
        life fermi quantum"""),
    (r"book of all time|well received|dystopian", """
        mockingbird 1984 gatsby quixote bible pride prejudice rings hobbit catcher odyssey crime punishment war
        peace ulysses brave fahrenheit handmaid hunger giver orwell animal road moby dick hamlet wuthering
        solitude divergent clockwork"""),
    (r"riddle", "what who which why i am am always never"),
    (r"joke", "why what because how did knock walks said bar called call"),
    (r"sound effect", "vroom zoom whoosh honk beep screech roar hum swish rumble engine tires rev nyoom"),
    (r"time traveler", """
        air sky building people street smell sound city car light tower clothes silence machine tree noise crowd"""),
    (r"invent", """
        machine device robot teleport teleporter language game time would food dream world fly travel art music
        app"""),
)  # fmt: skip
"""What the first wording says -> words of well-known answers; one with none of them may be right all the same."""
